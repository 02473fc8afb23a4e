-- A document has one row among the results at most, and the row names it.
select coalesce(item_id, '(no id)') as item_id, count(*) as found
from {{ ref('results') }}
group by item_id
having count(*) > 1 or item_id is null
