-- Invoice lines of the UCI data set "Online Retail" to events; DuckDB, with the files as ${files}.
--
-- An invoice that starts with C takes a purchase back: its lines are `cancellation`, with the
-- quantity made positive. Every other line is a `purchase`. A quarter of the lines names no
-- customer (among them the shop's own stock corrections, with a negative quantity): they come out
-- with a null customer_id and are kept as rejects, so that every line of the file is accounted for.
--
-- A number or a time that cannot be read becomes null, and its line a reject: one bad line must not
-- keep the others out. A file without these columns is refused as a whole.
--
-- The numbers of lines follow the file, so an event keeps its id in every run.
WITH lines AS (
  SELECT *, row_number() OVER () AS line
  FROM read_csv(${files}, header = true, delim = ',', quote = '"', all_varchar = true)
), numbered AS (
  SELECT
    *,
    row_number() OVER (PARTITION BY InvoiceNo ORDER BY line) AS line_of_invoice,
    starts_with(InvoiceNo, 'C') AS is_cancellation,
    TRY_CAST(Quantity AS INTEGER)::BIGINT AS pieces
  FROM lines
)
SELECT
  format('{}-{:04d}', InvoiceNo, line_of_invoice) AS event_id,
  -- The export wrote the ids as decimals: 17850.0 is customer 17850.
  regexp_replace(CustomerID, '\.0$', '') AS customer_id,
  CASE WHEN is_cancellation THEN 'cancellation' ELSE 'purchase' END AS type,
  TRY_CAST(InvoiceDate AS TIMESTAMP) AS occurred_at,
  InvoiceNo AS invoice,
  StockCode AS stock_code,
  CASE WHEN is_cancellation THEN -pieces ELSE pieces END AS quantity,
  TRY_CAST(UnitPrice AS DOUBLE) AS unit_price,
  -- Decimal arithmetic: 6 × 2.55 is 15.3 and not 15.299999999999999.
  (abs(pieces) * TRY_CAST(UnitPrice AS DECIMAL(12, 3)))::DOUBLE AS amount,
  Country AS country
FROM numbered
