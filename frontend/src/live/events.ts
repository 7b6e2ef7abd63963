import type { Step } from '@/api/types';

/** One event of the live stream. The fields depend on the type and on who reads it. */
export interface LiveEvent {
  /** The short name, as in `ConsultationProgressed`; `removed`, `projects-changed`, `resync`. */
  type: string;
  /** The cursor of the stream after this event. */
  cursor: string;
  /** Of the event, wherever it is read. */
  id?: string;
  aggregate?: string;
  aggregateId?: string;
  version?: number;
  /** When it was recorded. */
  at?: string;
  /** The role that caused it, for all but staff. */
  by?: string;
  /** Who caused it, for staff. */
  actor?: { role?: string; id?: string } | string;
  projectId?: string;
  projectName?: string;
  customerId?: string;
  /** Of `SalesmanMatched`: the interest or consultation. */
  origin?: { kind: 'interest' | 'consultation'; id: string };
  salesman?: { id: string; displayName: string } | null;
  consultant?: { id: string; displayName: string } | null;
  /** Of `ConsultationProgressed`. */
  from?: Step;
  to?: Step;
  /** Of `ConsultationCreated` and `ConsultationEdited`: `YYYY-MM-DD`. */
  desiredOn?: string;
  /** Of a salesman or consultant. */
  displayName?: string;
  interested?: boolean;
  /** Of `projects-changed`: the projects, newest first, at most 50. */
  changed?: { aggregateId: string; version: number }[];
  /** Of `resync`: fetch everything at a random moment within this time, in milliseconds. */
  spreadMs?: number;
}
