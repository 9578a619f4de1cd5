SELECT visit AS event_id, guest AS customer_id, 'visit' AS type, visited_at AS occurred_at, drink, amount
FROM read_csv(${files})
