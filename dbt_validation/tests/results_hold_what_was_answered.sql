-- A row among the results holds what was answered about its document, word for word.
{%- set fields = var('fields') %}
select results.item_id
from {{ ref('results') }} results
left join {{ ref('answers') }} answers using (item_id)
where answers.seq is null
{%- for field in fields %}
   or results."{{ field }}" is distinct from answers."{{ field }}"
{%- endfor %}
