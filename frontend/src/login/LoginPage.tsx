import { Button, PasswordInput, TextInput } from "@mantine/core";
import { useDocumentTitle } from "@mantine/hooks";
import { useState, type SyntheticEvent } from "react";
import { Navigate, useSearchParams } from "react-router";

import { useLogin } from "@/api/mutations";
import { useRole } from "@/api/session";
import { ProblemNotice } from "@/components/Notice";
import { Brand } from "@/shell/Brand";
import { titleOf } from "@/shell/title";

import classes from "./LoginPage.module.css";

/** Signs in and goes back to where the person was. */
export function LoginPage() {
  const { user } = useRole();
  const [params] = useSearchParams();
  const login = useLogin();
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  useDocumentTitle(titleOf("Sign in"));
  if (user) return <Navigate to={inside(params.get("next"))} replace />;

  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    login.mutate({ username, password });
  };
  return (
    <main className={classes.page}>
      <form className={classes.form} onSubmit={submit} aria-labelledby="sign-in">
        <Brand />
        <h1 id="sign-in" className={classes.title}>
          Sign in
        </h1>
        <TextInput
          label="Name"
          name="username"
          autoComplete="username"
          value={username}
          onChange={(event) => setUsername(event.currentTarget.value)}
          required
          withAsterisk={false}
          autoFocus
        />
        <PasswordInput
          label="Password"
          name="password"
          autoComplete="current-password"
          value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
          required
          withAsterisk={false}
        />
        {login.error && <ProblemNotice error={login.error} />}
        <Button type="submit" loading={login.isPending} mt={4}>
          Sign in
        </Button>
        <p className={classes.hint}>
          On one machine, <code>penstock up</code> prints the administrator&rsquo;s name and password, and{" "}
          <code>penstock open</code> brings you here.
        </p>
      </form>
    </main>
  );
}

/** Only a path of our own: `next` comes from the address, which anyone may have written. */
function inside(next: string | null): string {
  return next && /^\/(?![/\\])/.test(next) ? next : "/";
}
