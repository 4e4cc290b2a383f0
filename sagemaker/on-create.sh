#!/bin/bash
# Lifecycle configuration of a notebook instance, run once when it is created. Lifecycle scripts are stopped
# after five minutes, so the long part goes on in the background; its log is SageMaker/set-up.log.
set -euo pipefail

sudo -u ec2-user -i bash <<'SETUP'
set -euo pipefail
cd "$HOME/SageMaker"
nohup bash -c '
    set -euo pipefail
    for attempt in $(seq 60); do # the project may still be on its way
        project=$(find . -maxdepth 2 -name requirements-gpu.txt -print -quit)
        [ -n "$project" ] && break
        sleep 10
    done
    [ -n "$project" ] || { echo "No project in $PWD: clone it there, then run this script again."; exit 1; }
    "$HOME/anaconda3/bin/conda" create --yes --quiet --prefix "$PWD/.bach" python=3.12
    .bach/bin/python -m pip install --quiet --prefer-binary -r "$project"
    .bach/bin/python -m ipykernel install --user --name python3 --display-name Bach
    echo "Done: choose the kernel Bach."
' > set-up.log 2>&1 &
SETUP
