"""Pictures of stores."""
