import type { components } from './schema';

type Schemas = components['schemas'];

export type Project = Schemas['ProjectView'];
export type Phase = Schemas['PhaseName'];
export type Status = Schemas['StatusName'];
export type Step = Schemas['StepName'];
export type Role = Schemas['RoleName'];
export type Category = Schemas['CategoryName'];
export type Region = Schemas['RegionName'];
export type Consultation = Schemas['ConsultationView'];
export type Interest = Schemas['InterestView'];
export type Match = Schemas['MatchView'];
export type Salesman = Schemas['SalesmanView'];
export type Account = Schemas['AccountView'];
export type SignedIn = Schemas['SignedInView'];
