"""What can be trained: one file a family, of ordinary LightningModules and LightningDataModules."""
