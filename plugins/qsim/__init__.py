"""The plugin `qsim`: large dense circuits in single precision, several times faster than Aer, on CPUs."""
