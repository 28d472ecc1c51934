"""What people and programs touch: the pipeline's order, settings, plugins, commands and pages."""
