"""What a shop holds as files: read page by page, written as CSV or NDJSON, to be imported again."""
