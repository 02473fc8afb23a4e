-- The results are the documents whose verdict is valid: all of them, and no other.
select coalesce(verdicts.item_id, results.item_id) as item_id
from (select item_id from {{ ref('verdicts') }} where "end" = 'valid') verdicts
full join (select distinct item_id from {{ ref('results') }}) results using (item_id)
where verdicts.item_id is null or results.item_id is null
