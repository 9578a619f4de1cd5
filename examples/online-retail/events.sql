-- Invoice lines of the UCI data set "Online Retail" to events; DuckDB, with the files as ${files}.
--
-- An invoice that starts with C takes a purchase back: its lines are `cancellation`, with the
-- quantity made positive. Every other line is a `purchase`. A quarter of the lines names no
-- customer (among them the shop's own stock corrections, with a negative quantity): they come out
-- with a null customer_id and are kept as rejects, so that every line of the file is accounted for.
--
-- The numbers of lines follow the file, so an event keeps its id in every run.
WITH lines AS (
  SELECT *, row_number() OVER () AS line
  FROM read_csv(${files}, header = true, all_varchar = true)
), numbered AS (
  SELECT *, row_number() OVER (PARTITION BY InvoiceNo ORDER BY line) AS line_of_invoice
  FROM lines
)
SELECT
  format('{}-{:04d}', InvoiceNo, line_of_invoice) AS event_id,
  -- The export wrote the ids as decimals: 17850.0 is customer 17850.
  regexp_replace(CustomerID, '\.0$', '') AS customer_id,
  CASE WHEN starts_with(InvoiceNo, 'C') THEN 'cancellation' ELSE 'purchase' END AS type,
  InvoiceDate::TIMESTAMP AS occurred_at,
  InvoiceNo AS invoice,
  StockCode AS stock_code,
  CASE WHEN starts_with(InvoiceNo, 'C') THEN -Quantity::INTEGER ELSE Quantity::INTEGER END AS quantity,
  UnitPrice::DOUBLE AS unit_price,
  -- Decimal arithmetic: 6 × 2.55 is 15.3 and not 15.299999999999999.
  (abs(Quantity::INTEGER) * UnitPrice::DECIMAL(12, 3))::DOUBLE AS amount,
  Country AS country
FROM numbered
