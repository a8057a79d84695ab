// The methods that /graphql answers to; apart, because they are told before anything else of it is needed.

export const GRAPHQL_METHODS: readonly string[] = ["GET", "HEAD", "POST", "OPTIONS"];
