"""What is sold: categories, collections, products, variants, options, prices, pictures."""
