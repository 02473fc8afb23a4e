-- documents that ended dead
select * exclude (sealed_payload, sealed_answer) from {{ parquet('dead_letter_queue') }}
