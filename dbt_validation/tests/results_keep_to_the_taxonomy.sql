-- A field with a taxonomy holds one of its values.
{%- set taxonomy = var('taxonomy') %}
select item_id
from {{ ref('results') }}
where false
{%- for field, values in taxonomy.items() %}
   or ("{{ field }}" is not null and "{{ field }}" not in (
    {%- for value in values -%}'{{ value | replace("'", "''") }}'{% if not loop.last %}, {% endif %}{%- endfor -%}
  ))
{%- endfor %}
