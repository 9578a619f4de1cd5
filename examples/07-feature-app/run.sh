#!/bin/sh
# A feature app over the visits of a café: `sh examples/07-feature-app/run.sh`, after `npm run build`.
#
# An app declares what tells of a customer; events, log, state, timers, outputs and replay are the
# product's. The file is loaded (one slip of the till is refused), every row is made, derived again from
# the log, and written as a training set at five instants of the past.
set -eu
cd "$(dirname "$0")/../.."
data=$(mktemp -d)
trap 'rm -rf "$data"' EXIT
app=examples/07-feature-app
npx tidemark ingest --app $app --data "$data/cafe" --from $app/visits.csv --sql $app/visits.sql
npx tidemark start --app $app --data "$data/cafe" --port 0 --exit-when-done
npx tidemark verify --app $app --data "$data/cafe"
npx tidemark replay --app $app --data "$data/cafe" --cutoffs 2026-01-08..2026-01-28/5d --out "$data/rows.parquet"
