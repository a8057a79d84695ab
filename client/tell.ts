// Calls what the app handed in. What it throws is the app's: it is reported as any uncaught error, and changes nothing here.

export function tell(callback: () => void): void {
  try {
    callback();
  } catch (error) {
    queueMicrotask(() => { throw error; });
  }
}
