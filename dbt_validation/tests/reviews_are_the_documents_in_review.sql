-- What waits for a person is what the verdicts say.
select coalesce(verdicts.item_id, reviews.item_id) as item_id
from (select item_id from {{ ref('verdicts') }} where "end" = 'review') verdicts
full join (select item_id from {{ ref('reviews') }}) reviews using (item_id)
where verdicts.item_id is null or reviews.item_id is null
