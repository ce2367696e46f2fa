"""Charts, each defined once: figures in, a chart out, told as JSON, SVG or PNG. They know neither web nor store."""
