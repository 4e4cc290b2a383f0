#!/bin/bash
# Lifecycle configuration of a notebook instance, run at every start: the environment under SageMaker/ has
# outlived the stop, but Jupyter has forgotten it.
set -euo pipefail

sudo -u ec2-user -i bash <<'SETUP'
set -euo pipefail
python="$HOME/SageMaker/.bach/bin/python"
if [ -x "$python" ]; then
    "$python" -m ipykernel install --user --name python3 --display-name Bach
fi
SETUP
