"""Jobs that begin at once: a resident process with everything imported, of which each job's process is a copy."""
