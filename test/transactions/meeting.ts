// Where the bodies of a race meet, so that the race takes the course that a test wants. Whoever runs again passes at once.

export interface Meeting {
  /** Until so many have come to the first meeting; later ones pass. */
  everyone(count: number): Promise<void>;
  arrive(place: string): void;
  wait(place: string): Promise<void>;
}

export function createMeeting(): Meeting {
  const places = new Map<string, { readonly reached: Promise<void>; reach(): void }>();
  let come = 0;
  const placeOf = (name: string): { readonly reached: Promise<void>; reach(): void } => {
    let place = places.get(name);
    if (place === undefined) {
      const { promise, resolve } = Promise.withResolvers<void>();
      places.set(name, place = { reached: promise, reach: resolve });
    }
    return place;
  };
  return {
    everyone(count) {
      if (++come >= count) placeOf("everyone").reach();
      return placeOf("everyone").reached;
    },
    arrive: (name) => placeOf(name).reach(),
    wait: (name) => placeOf(name).reached,
  };
}
