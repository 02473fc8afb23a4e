-- every document of the batch, as it was read (the text stays sealed)
select * exclude (sealed) from {{ parquet('raw_inputs') }}
