-- answers that wait for a person
select * exclude (sealed_payload) from {{ parquet('review_queue') }}
