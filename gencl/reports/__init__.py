"""What people look at: tables and reports."""
