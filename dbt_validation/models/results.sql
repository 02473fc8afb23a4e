-- the rows that consumers read
select * from {{ parquet('results') }}
