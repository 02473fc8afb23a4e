-- A row among the results holds what was answered about its document, word for word, and how that came about.
{%- set columns = var('fields') + var('lineage') + ['confidence'] %}
select results.item_id
from {{ ref('results') }} results
left join {{ ref('answers') }} answers using (item_id)
where answers.seq is null
{%- for column in columns %}
   or results."{{ column }}" is distinct from answers."{{ column }}"
{%- endfor %}
