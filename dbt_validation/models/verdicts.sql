-- one row per document: where it ended, and why
select * from {{ parquet('validation_report') }}
