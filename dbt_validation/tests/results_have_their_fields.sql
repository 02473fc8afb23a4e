-- Fields that the job's schema requires are there.
{%- set fields = var('required') %}
select item_id
from {{ ref('results') }}
where false
{%- for field in fields %}
   or "{{ field }}" is null
{%- endfor %}
