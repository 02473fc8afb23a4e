-- Numbers lie between the bounds of the job's schema; a confidence lies between 0 and 1.
{%- set ranges = var('ranges') %}
select item_id
from {{ ref('results') }}
where confidence < 0 or confidence > 1
{%- for field, bounds in ranges.items() %}
  {%- if bounds.minimum is not none %}
   or "{{ field }}" < {{ bounds.minimum }}
  {%- endif %}
  {%- if bounds.maximum is not none %}
   or "{{ field }}" > {{ bounds.maximum }}
  {%- endif %}
{%- endfor %}
