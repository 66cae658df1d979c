"""The lake: facts and views as immutable Parquet files, asked in one dialect."""
