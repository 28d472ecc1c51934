"""Verify: patch -> checks, backtest, reach -> verdict."""
