-- Every document has one end, and nothing has an end that is no document.
select coalesce(documents.item_id, verdicts.item_id) as item_id
from (select item_id, count(*) as times from {{ ref('documents') }} group by item_id) documents
full join (select item_id, count(*) as times from {{ ref('verdicts') }} group by item_id) verdicts
  using (item_id)
where documents.times is distinct from verdicts.times
   or verdicts.times > 1
