"""What applications that people host themselves write about sign-ins: one table for each kind of application."""
