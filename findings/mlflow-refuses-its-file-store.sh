#!/usr/bin/env bash
# MLflow 3.17.2 refuses its own file store, which was its default for years: a run logged to `file:///…` ends in an MlflowException,
# unless the environment variable MLFLOW_ALLOW_FILE_STORE is true. A writer of that folder's layout writes what MLflow does not open.
#
# Output seen with Python 3.11:
#   as it is: refused: The filesystem tracking backend ... is in maintenance mode and will not receive further updates
#   with MLFLOW_ALLOW_FILE_STORE=true: logged
# Exits non-zero once MLflow takes such a folder again, or refuses it with the variable, too.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet mlflow==3.17.2
cd "$folder"
cat > log.py <<'PYTHON'
import sys
import mlflow

try:
    mlflow.set_tracking_uri(f"file://{sys.argv[1]}")
    with mlflow.start_run():
        mlflow.log_metric("loss", 1.0)
    print("logged")
except mlflow.exceptions.MlflowException as error:
    print("refused:", str(error).split(" (")[0], "...", str(error).split(". ")[0].split(") ")[-1])
PYTHON
plain=$(venv/bin/python log.py "$folder/plain" 2>/dev/null)
allowed=$(MLFLOW_ALLOW_FILE_STORE=true venv/bin/python log.py "$folder/allowed" 2>/dev/null)
echo "as it is: $plain"
echo "with MLFLOW_ALLOW_FILE_STORE=true: $allowed"
[[ $plain == refused:* && $allowed == logged ]]
