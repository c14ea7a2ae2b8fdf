"""The rating page: what raters see and answer. It knows no Dagster and no lake."""
