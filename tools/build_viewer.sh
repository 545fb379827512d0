#!/bin/sh
# Build the page's 3D viewer, workflow/scripts/angiovox/reporting/viewer/viewer.min.js, from viewer.js,
# stage.js, compare.js and three.js. Needs Node.js and npm; the built file is part of the repository, so that only those
# who change the viewer do.
set -eu
THREE=0.187.0
ESBUILD=0.28.2
viewer="$(cd "$(dirname "$0")/../workflow/scripts/angiovox/reporting/viewer" && pwd)"
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cp "$viewer"/viewer.js "$viewer"/stage.js "$viewer"/compare.js "$folder"
cd "$folder"
npm init --yes >/dev/null
npm install --no-fund --no-audit "three@$THREE" "esbuild@$ESBUILD"
npx esbuild viewer.js --bundle --minify --format=iife --global-name=viewer --target=es2020 \
  --legal-comments=inline --charset=ascii --outfile=viewer.min.js
cp viewer.min.js "$viewer"
cp node_modules/three/LICENSE "$viewer/LICENSE.three"
