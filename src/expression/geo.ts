// Distances on the globe: haversine, and a box that surely holds everything within a distance.

const RADIUS_M = 6_371_008.8;

/** Metres along the great circle between two places in degrees. */
export function distanceMetres(fromLatitude: number, fromLongitude: number, toLatitude: number, toLongitude: number): number {
  const latitude = radians(toLatitude - fromLatitude) / 2;
  const longitude = radians(toLongitude - fromLongitude) / 2;
  const half = Math.sin(latitude) ** 2 + Math.cos(radians(fromLatitude)) * Math.cos(radians(toLatitude)) * Math.sin(longitude) ** 2;
  return 2 * RADIUS_M * Math.asin(Math.min(1, Math.sqrt(half)));
}

export interface GeoBox {
  readonly minLatitude: number;
  readonly maxLatitude: number;
  /** In pieces where it crosses the date line. */
  readonly longitudes: readonly { readonly min: number; readonly max: number }[];
}

/** A little too large rather than too small. */
export function boxAround(latitude: number, longitude: number, metres: number): GeoBox {
  const angle = metres / RADIUS_M;
  const degrees = (angle * 180) / Math.PI + 1e-6;
  const [minLatitude, maxLatitude] = [latitude - degrees, latitude + degrees];
  const ratio = Math.sin(Math.min(angle, Math.PI / 2)) / Math.cos(radians(latitude));
  if (minLatitude <= -90 || maxLatitude >= 90 || !(ratio < 1)) return { minLatitude, maxLatitude, longitudes: [{ min: -180, max: 180 }] };
  const width = (Math.asin(ratio) * 180) / Math.PI + 1e-6;
  return { minLatitude, maxLatitude, longitudes: longitudePieces(longitude - width, longitude + width) };
}

function longitudePieces(min: number, max: number): { min: number; max: number }[] {
  if (max - min >= 360) return [{ min: -180, max: 180 }];
  if (min < -180) return [{ min: -180, max }, { min: min + 360, max: 180 }];
  if (max > 180) return [{ min, max: 180 }, { min: -180, max: max - 360 }];
  return [{ min, max }];
}

function radians(degrees: number): number {
  return (degrees * Math.PI) / 180;
}
