import { describe, expect, it } from 'vitest';
import { ApiError } from '@/api/problem';
import { useForm } from './form';

const refusedWith = (error: ApiError) =>
  useForm({ initial: { memo: '' }, send: () => Promise.reject(error) });

describe('a form that was refused', () => {
  it('keeps what was typed, and says why', async () => {
    const form = refusedWith(new ApiError(503, { title: 'busy' }));
    form.values.memo = 'typed';
    await form.submit();
    expect(form.values.memo).toBe('typed');
    expect(form.problem.value?.status).toBe(503);
    expect(form.isDirty()).toBe(true);
  });

  it('leaves the end of a session to the sign-in over the page', async () => {
    const form = refusedWith(new ApiError(401, { type: '/problems/sign-in-required' }));
    form.values.memo = 'typed';
    await form.submit();
    expect(form.values.memo).toBe('typed');
    expect(form.problem.value).toBeUndefined();
  });
});
