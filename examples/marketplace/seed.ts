// Two sellers and what they have to sell.
export default function seed(): Record<string, Record<string, unknown>[]> {
  const bikes = ["Red city bike", "Blue city bike", "Old racing bike", "Cargo bike for three", "Folding bike"];
  return {
    Seller: [
      { id: "sam", name: "Sam's bikes", about: "Repaired by hand.", trust: 60 },
      { id: "sue", name: "Sue", trust: 50 },
    ],
    Listing: [
      ...bikes.map((title, index) => ({
        id: `bike-${index}`, sellerId: index % 2 === 0 ? "sam" : "sue", title, description: "Ready to ride.", category: "BIKES",
        price: 9_900 + 5_000 * index, attributes: { size: 50 + index }, published: true,
      })),
      { id: "camera", sellerId: "sue", title: "Camera with a scratch", description: "It works.", category: "CAMERAS", price: 4_500, attributes: { mount: "M42" }, published: true },
      { id: "draft", sellerId: "sam", title: "Not yet for sale", category: "BIKES", price: 1_000, published: false },
    ],
  };
}
