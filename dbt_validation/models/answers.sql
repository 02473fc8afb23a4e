-- every answer of the model, or of a person
select * from {{ parquet('enriched_outputs') }}
