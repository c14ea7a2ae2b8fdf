-- relations that mirror the lake lie apart from those meant for readers
create schema staging
