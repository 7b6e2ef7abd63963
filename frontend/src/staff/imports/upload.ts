import type { components } from '@/api/schema';
import { ApiError } from '@/api/problem';
import { csrf, idempotencyKey } from '@/api/client';
import { language } from '@/texts/texts';

/** The largest file that the server takes, in bytes. */
export const MAX_BYTES = 32 * 1024 * 1024;

type Import = components['schemas']['ImportView'];

/**
 * Sends a file and gives the plan of its import. `onProgress` has the share that was sent, from 0
 * to 1: `fetch` cannot say it, so this is the one request without it.
 */
export function upload(file: File, onProgress: (share: number) => void): Promise<Import> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('POST', `/api/projects/imports?name=${encodeURIComponent(file.name.slice(-200))}`);
    request.setRequestHeader('Content-Type', 'application/octet-stream');
    request.setRequestHeader('Accept-Language', language.value);
    request.setRequestHeader('Ktgg-Csrf', csrf['Ktgg-Csrf']);
    request.setRequestHeader('Idempotency-Key', idempotencyKey());
    request.upload.onprogress = ({ loaded, total }) => onProgress(loaded / Math.max(1, total));
    request.onerror = () => reject(new ApiError(0, {}));
    request.onload = () => {
      const body: unknown = parse(request.responseText);
      if (request.status === 201) resolve(body as Import);
      else reject(new ApiError(request.status, (body ?? {}) as Record<string, never>));
    };
    request.send(file);
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
