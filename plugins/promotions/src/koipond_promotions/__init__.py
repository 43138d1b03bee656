"""Promotions that apply by themselves, and coupons that unlock them."""
