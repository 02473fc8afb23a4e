-- A row's output_id is made of its job, batch, document and version, and of no other.
select item_id
from {{ ref('results') }}
where output_id is distinct from concat_ws('/', job, batch, item_id, version)
   or job is distinct from '{{ var("job") }}'
   or batch is distinct from '{{ var("batch") }}'
   or version is distinct from {{ var("version") }}
