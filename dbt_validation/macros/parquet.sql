{# The rows of one published table of the batch; `name` is a variable with the list of its files. #}
{% macro parquet(name) -%}
  read_parquet([
    {%- for file in var(name) -%}'{{ file | replace("'", "''") }}'{% if not loop.last %}, {% endif %}{%- endfor -%}
  ], union_by_name = true)
{%- endmacro %}
