#!/bin/bash
# Lifecycle configuration of a notebook instance, run once when it is created. Lifecycle scripts are stopped
# after five minutes, so the long part goes on in the background; its log is beside the project.
set -euo pipefail

sudo -u ec2-user -i bash <<'SETUP'
set -euo pipefail
cd "$HOME/SageMaker"
project=$(dirname "$(ls -1 */notebook.ipynb | head -n 1)")
nohup bash -c "
    set -euo pipefail
    source '$HOME/anaconda3/bin/activate' base
    conda create --yes --quiet --prefix '$HOME/SageMaker/.bach' python=3.12
    '$HOME/SageMaker/.bach/bin/python' -m pip install --quiet -r '$project/requirements-gpu.txt'
    '$HOME/SageMaker/.bach/bin/python' -m ipykernel install --user --name python3 --display-name Bach
" > "$project/set-up.log" 2>&1 &
SETUP
