-- Every row among the results is of a document of the batch, by id and by content.
select results.item_id
from {{ ref('results') }} results
left join {{ ref('documents') }} documents
  on documents.item_id = results.item_id and documents.input_hash = results.input_hash
where documents.item_id is null
