-- Every row says which document, run, provider, model, prompt and schema made it.
{%- set columns = var('lineage') %}
select item_id
from {{ ref('results') }}
where false
{%- for column in columns %}
   or "{{ column }}" is null or cast("{{ column }}" as varchar) = ''
{%- endfor %}
