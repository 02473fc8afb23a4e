-- The dead letters are the documents whose verdict is dead, with the same reason.
select coalesce(verdicts.item_id, letters.item_id) as item_id
from (select item_id, reason from {{ ref('verdicts') }} where "end" = 'dead') verdicts
full join {{ ref('dead_letters') }} letters using (item_id)
where verdicts.reason is distinct from letters.reason
